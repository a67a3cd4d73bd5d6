"""What the flex template's launcher runs: its parameters come as flags."""

from mixup_pipeline.cli.template import launch

if __name__ == "__main__":
    launch()
