"""What travels: JSON and protobuf forms of requests and answers, and the arrays they stand for."""
