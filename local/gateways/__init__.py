"""The HTTP servers of the local system that do what API Gateway and CloudFront do in AWS."""
