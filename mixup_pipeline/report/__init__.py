"""What is shown of results: text for the terminal, pictures, and the page."""
