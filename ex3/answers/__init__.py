"""The answers to the exercise: text from templates, numbers from the figures' twins, every comparison checked."""
