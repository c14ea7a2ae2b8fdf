"""What a person types: ``apexline ...``, one file for each command; ``cli`` only parses and prints."""
