"""What a person may ask of us: what they allowed, what we hold, that it be kept apart, that it go."""
