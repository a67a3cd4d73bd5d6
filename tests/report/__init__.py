"""Tests of mixup_pipeline.report."""
