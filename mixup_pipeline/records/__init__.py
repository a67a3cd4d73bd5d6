"""One record: TFRecord framing, tf.Example messages, images, and the layout of a mixed record."""
