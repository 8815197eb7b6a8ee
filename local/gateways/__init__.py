"""The HTTP servers of the local system that stand where API Gateway and CloudFront do in AWS."""
