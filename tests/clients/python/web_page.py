"""What a web application in Python does: a page of degrees, a search inside the viewer's network, a deadline, an error.

Usage: web_page.py PUBLIC_ADDRESS VIEWER_ID QUERY MEMBER_ID...
Prints one JSON object. The stubs are generated from proto/ into the folder that PYTHONPATH names.
"""

import json
import sys

import grpc
from cloud.v1 import network_pb2, network_pb2_grpc, search_pb2, search_pb2_grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status


def details(error: grpc.RpcError) -> dict:
    """Returns the code of an error, and what its details name."""
    named = {"code": error.code().name, "reason": None, "domain": None, "field": None}
    info, wrong = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        if detail.Unpack(info):
            named.update(reason=info.reason, domain=info.domain)
        elif detail.Unpack(wrong):
            named.update(field=wrong.field_violations[0].field)
    return named


def main(address: str, viewer: int, query: str, members: list[int]) -> None:
    with grpc.insecure_channel(address) as channel:
        network = network_pb2_grpc.NetworkServiceStub(channel)
        page = network.GetDegrees(
            network_pb2.GetDegreesRequest(viewer_id=viewer, member_ids=members, shared_count=True, path=True),
            timeout=5,
            compression=grpc.Compression.Gzip,
        )
        search = search_pb2_grpc.SearchServiceStub(channel).SearchMembers(
            search_pb2.SearchMembersRequest(
                viewer_id=viewer,
                query=query,
                degrees=[network_pb2.DEGREE_FIRST, network_pb2.DEGREE_SECOND],
                # The page of degrees was seen: the search must not answer from before it.
                at_least={"as_of": page.as_of},
            ),
            timeout=5,
        )

        def refused(request: network_pb2.GetDegreesRequest, timeout: float) -> dict:
            try:
                network.GetDegrees(request, timeout=timeout)
                return {"code": "OK"}
            except grpc.RpcError as error:
                return details(error)

        later = {"as_of": {"log_id": page.as_of.log_id, "scn": page.as_of.scn + 1}}
        print(
            json.dumps(
                {
                    "degrees": [
                        {
                            "member": str(one.member_id),
                            "degree": one.degree,
                            "shared": one.shared_count,
                            "path": [str(member) for member in one.path],
                        }
                        for one in page.degrees
                    ],
                    "degrees_scn": page.as_of.scn,
                    "total": search.total,
                    "search_scn": search.as_of.scn,
                    # A point that never comes: the deadline passes first.
                    "deadline": refused(network_pb2.GetDegreesRequest(viewer_id=viewer, at_least=later), 0.1),
                    "error": refused(network_pb2.GetDegreesRequest(viewer_id=viewer, member_ids=[viewer, 0]), 5),
                }
            )
        )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], [int(member) for member in sys.argv[4:]])
