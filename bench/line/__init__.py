"""What a user gets by default, from pixels to answers, on people that no choice has seen."""
