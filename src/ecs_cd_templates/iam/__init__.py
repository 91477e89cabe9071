"""What IAM decides: policies against requests, and what each call of an API asks for."""
