"""CloudFormation's limits.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

MAX_PARAMETERS = 200
MAX_RESOURCES = 500
MAX_OUTPUTS = 200
MAX_BODY_BYTES = 51_200
MAX_BODY_BYTES_FROM_S3 = 1_048_576
MAX_PARAMETER_VALUE_BYTES = 4096

# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
MAX_STACK_NAME_LENGTH = 128

# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html
MAX_STACK_SET_NAME_LENGTH = 128
