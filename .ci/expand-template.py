"""Prints template.yaml as CloudFormation gets it: after SAM's transform. Needs no account."""

import json
import sys

import boto3
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

with open(sys.argv[1], encoding="utf-8") as file:
    template = yaml_parse(file.read())
for resource in template["Resources"].values():
    # `sam deploy` has uploaded the code by then.
    if "CodeUri" in resource.get("Properties", {}):
        resource["Properties"]["CodeUri"] = "s3://bucket/key"
session = boto3.session.Session(region_name="eu-central-1")
defaults = {name: parameter.get("Default", "") for name, parameter in template["Parameters"].items()}
translator = Translator({}, Parser(), boto_session=session)
print(json.dumps(translator.translate(template, parameter_values=defaults), indent=1))
