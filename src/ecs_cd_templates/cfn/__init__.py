"""What CloudFormation is: its intrinsics, limits, regions and partitions, and the text of a template."""
