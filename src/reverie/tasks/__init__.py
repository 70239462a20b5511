"""What people want done with a trained model; each asks for an ability, never for a class."""
