"""Tests of mixup_pipeline.dataset."""
