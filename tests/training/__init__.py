"""Tests of mixup_pipeline.inspection."""
