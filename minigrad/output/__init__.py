"""What leaves the program: files, and texts from elsewhere as terminals and pages can show them. A leaf."""
