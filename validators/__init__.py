"""What is good enough: gates that judge parsed rows and say keep, drop or unverified, with a reason and a score."""
