"""What tools do that have no stubs: reflection in its first version, v1alpha, and the health protocol.

Usage: explore.py ADDRESS VIEWER_ID
Prints one JSON object: the services that the listener lists, a call made from reflected types alone, and the health of
services as a probe asks for it.
"""

import json
import sys

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


def network_sizes(channel: grpc.Channel, reflection: ProtoReflectionDescriptorDatabase, viewer: int) -> dict:
    """Calls GetNetworkSizes with types that reflection describes."""
    pool = DescriptorPool(reflection)
    method = pool.FindServiceByName("cloud.v1.NetworkService").methods_by_name["GetNetworkSizes"]
    request, response = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
    call = channel.unary_unary(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )
    return json_format.MessageToDict(call(request(viewer_id=viewer), timeout=5))


def probe(health: health_pb2_grpc.HealthStub, service: str) -> list[str]:
    """Returns what Check answers for a service, and the first state that Watch streams."""
    request = health_pb2.HealthCheckRequest(service=service)
    name = health_pb2.HealthCheckResponse.ServingStatus.Name
    try:
        checked = name(health.Check(request, timeout=5).status)
    except grpc.RpcError as error:
        checked = error.code().name
    states = health.Watch(request, timeout=5)
    watched = name(next(states).status)
    states.cancel()
    return [checked, watched]


def main(address: str, viewer: int) -> None:
    with grpc.insecure_channel(address) as channel:
        reflection = ProtoReflectionDescriptorDatabase(channel)
        health = health_pb2_grpc.HealthStub(channel)
        services = ["", "cloud.v1.NetworkService", "no.Service"]
        print(
            json.dumps(
                {
                    "services": sorted(reflection.get_services()),
                    "sizes": network_sizes(channel, reflection, viewer),
                    "health": {service: probe(health, service) for service in services},
                }
            )
        )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
