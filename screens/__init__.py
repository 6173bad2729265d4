"""What a person sees: one module a screen, and widgets that several screens share."""
