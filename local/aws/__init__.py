"""The AWS services of the local system: SeaweedFS as S3, moto for the rest, and their resources."""
