"""A template with every kind of parameter and rule that the catalogue has, and a rule that only AWS can decide."""

from __future__ import annotations

from typing import Any

from troposphere import Parameter, Ref, Template
from troposphere.sns import Topic

NAME = "synthetic.yaml"

WORDS = "What is accepted, in words."

# Each with a value that is accepted; names that show that they are data and nothing else.
PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "Anything": ({"Type": "String", "Default": ""}, "x"),
    "Defaulted": ({"Type": "String", "Default": "proposed", "ConstraintDescription": WORDS}, "other"),
    "Pattern": ({"Type": "String", "AllowedPattern": "^a+$", "ConstraintDescription": WORDS}, "aa"),
    "Length": ({"Type": "String", "MinLength": 2, "MaxLength": 4, "ConstraintDescription": WORDS}, "abc"),
    "Choice": ({"Type": "String", "AllowedValues": ["one", "two", ""], "ConstraintDescription": WORDS}, "two"),
    "Whole": ({"Type": "Number", "MinValue": 1, "MaxValue": 10, "ConstraintDescription": WORDS}, "7"),
    "Days": ({"Type": "Number", "AllowedValues": [1, 3, 5], "ConstraintDescription": WORDS}, "3"),
    "Vpc": ({"Type": "AWS::EC2::VPC::Id", "ConstraintDescription": WORDS}, "vpc-0123abcd"),
    "Subnet": ({"Type": "AWS::EC2::Subnet::Id", "ConstraintDescription": WORDS}, "subnet-01ab"),
    "Filled": ({"Type": "String", "MinLength": 1, "MaxLength": 9, "ConstraintDescription": WORDS}, "in"),
}

VALUES = {name: value for name, (_, value) in PARAMETERS.items()}

# The parameters on which each assertion's message belongs are those of the assertion.
RULES: dict[str, dict[str, Any]] = {
    "Distinct": {
        "Assertions": [
            {
                "Assert": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Anything"}, {"Ref": "Defaulted"}]}]},
                "AssertDescription": "Anything and Defaulted must differ.",
            }
        ]
    },
    "Together": {
        "RuleCondition": {"Fn::Equals": [{"Ref": "Choice"}, "one"]},
        "Assertions": [
            {
                "Assert": {
                    "Fn::And": [
                        {"Fn::Or": [{"Fn::Equals": [{"Ref": "Days"}, "3"]}, {"Fn::Equals": [{"Ref": "Days"}, "5"]}]},
                        {"Fn::Or": [{"Fn::Equals": [{"Ref": "Whole"}, "8"]}, {"Fn::Equals": [{"Ref": "Whole"}, "9"]}]},
                    ]
                },
                "AssertDescription": "One needs Days of 3 or 5, and Whole of 8 or 9.",
            }
        ],
    },
    # Whatever is behind a function that the page does not know cannot be said.
    "Unknown": {
        "Assertions": [
            {"Assert": assertion, "AssertDescription": "Only AWS can know this."}
            for assertion in (
                {"Fn::EachMemberEquals": [{"Fn::ValueOfAll": ["Subnet", "VpcId"]}, {"Ref": "Vpc"}]},
                {"Fn::Contains": [["vpc-1"], {"Ref": "Vpc"}]},
                {"Fn::Not": [{"Fn::Contains": [["vpc-1"], {"Ref": "Vpc"}]}]},
                {"Fn::Equals": [{"Fn::ValueOf": ["Subnet", "VpcId"]}, {"Ref": "Vpc"}]},
                {"Fn::Or": [{"Fn::Equals": ["a", "b"]}, {"Fn::Contains": [["vpc-1"], {"Ref": "Vpc"}]}]},
                {"Fn::And": [{"Fn::Equals": ["a", "a"]}, {"Fn::Contains": [["vpc-1"], {"Ref": "Vpc"}]}]},
            )
        ]
    },
    # Nor is a rule broken whose condition cannot be said.
    "Perhaps": {
        "RuleCondition": {"Fn::Contains": [["vpc-1"], {"Ref": "Vpc"}]},
        "Assertions": [{"Assert": {"Fn::Equals": ["a", "b"]}, "AssertDescription": "Not of this VPC."}],
    },
    # What is known decides, whatever stands beside it.
    "Decided": {
        "Assertions": [
            {
                "Assert": {
                    "Fn::And": [
                        {"Fn::Contains": [["vpc-1"], {"Ref": "Vpc"}]},
                        {"Fn::Not": [{"Fn::Equals": [{"Ref": "Filled"}, "out"]}]},
                    ]
                },
                "AssertDescription": "Filled may not be out.",
            }
        ]
    },
    "Place": {
        "Assertions": [
            {
                "Assert": {"Fn::Not": [{"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-2"]}]},
                "AssertDescription": "Not in London.",
            }
        ]
    },
}


def build() -> Template:
    template = Template(Description='</script><script>throw 1</script> & "quotes" \' <b>')
    for name, (properties, _) in PARAMETERS.items():
        template.add_parameter(Parameter(name, Description=f"<i>{name}</i> {{title}}", **properties))
    for name, rule in RULES.items():
        template.add_rule(name, rule)
    template.add_resource(Topic("Topic", TopicName=Ref("Anything")))
    return template
