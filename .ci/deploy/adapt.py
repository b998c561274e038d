"""Prints the template that `sam build` wrote, adapted to ministack. This file names everything in which the emulator differs
from AWS:

- ministack has no `AWS::ApiGatewayV2::RouteResponse`, and answers WebSocket messages without one: the resource is left out.
- ministack ignores the `Body` of an HTTP API, in which SAM puts the routes: each route becomes a resource of its own.
- ministack serves all APIs on one loopback port, by path: the management endpoint of the WebSocket API is written so.

usage: adapt.py TEMPLATE GATEWAY_URL
"""

import sys

from samcli.yamlhelper import yaml_dump, yaml_parse


def route(function, event):
    """Returns the integration and the route of one HttpApi event of a function."""
    key = f"{event['Method']} {event['Path']}" if "Path" in event else "$default"
    uri = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${%s.Arn}/invocations" % function
    integration = {
        "Type": "AWS::ApiGatewayV2::Integration",
        "Properties": {
            "ApiId": {"Ref": "HttpApi"},
            "IntegrationType": "AWS_PROXY",
            "PayloadFormatVersion": "2.0",
            "IntegrationUri": {"Fn::Sub": uri},
        },
    }
    name = "".join(c for c in key.title() if c.isalnum())
    target = {"Fn::Sub": "integrations/${Http%sIntegration}" % name}
    properties = {"ApiId": {"Ref": "HttpApi"}, "RouteKey": key, "Target": target}
    return {
        f"Http{name}Integration": integration,
        f"Http{name}Route": {"Type": "AWS::ApiGatewayV2::Route", "Properties": properties},
    }


def adapt(template, gateway):
    resources = template["Resources"]
    for name in [name for name, r in resources.items() if r["Type"] == "AWS::ApiGatewayV2::RouteResponse"]:
        del resources[name]
    for name, resource in list(resources.items()):
        for event in resource["Properties"].get("Events", {}).values():
            if event["Type"] == "HttpApi":
                resources.update(route(name, event["Properties"]))
    variables = resources["Broadcast"]["Properties"]["Environment"]["Variables"]
    variables["WEBSOCKET_ENDPOINT"] = {"Fn::Sub": gateway + "/_aws/execute-api/${WebSocketApi}/live"}


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        built = yaml_parse(file.read())
    adapt(built, sys.argv[2])
    print(yaml_dump(built))
