"""The line on video, from pixels to segments and answers: frames a second, CPU time and memory, beside named peers."""
