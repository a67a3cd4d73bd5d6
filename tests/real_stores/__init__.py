"""Object stores: real S3 and GCS protocols, spoken by servers on this machine."""
