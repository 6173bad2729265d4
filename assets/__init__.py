"""What is not code: style sheets, the example inventory, pictures."""
