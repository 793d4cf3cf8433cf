"""The protocols that the server speaks, each in a file: what is asked, and what is answered."""
