"""What a web application in Python does: a page of degrees, then a search inside the viewer's network.

Usage: web_page.py PUBLIC_ADDRESS VIEWER_ID QUERY MEMBER_ID...
Prints one JSON object. The stubs are generated from proto/ into the folder that PYTHONPATH names.
"""

import json
import sys

import grpc
from cloud.v1 import network_pb2, network_pb2_grpc, search_pb2, search_pb2_grpc


def main(address: str, viewer: int, query: str, members: list[int]) -> None:
    with grpc.insecure_channel(address) as channel:
        page = network_pb2_grpc.NetworkServiceStub(channel).GetDegrees(
            network_pb2.GetDegreesRequest(viewer_id=viewer, member_ids=members, shared_count=True, path=True),
            timeout=5,
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
        try:
            network_pb2_grpc.NetworkServiceStub(channel).GetDegrees(
                network_pb2.GetDegreesRequest(viewer_id=0, member_ids=members), timeout=5
            )
            refused = None
        except grpc.RpcError as error:
            refused = error.code().name
    print(
        json.dumps(
            {
                "degrees": [
                    {"member": one.member_id, "degree": one.degree, "shared": one.shared_count, "path": list(one.path)}
                    for one in page.degrees
                ],
                "degrees_scn": page.as_of.scn,
                "hits": [{"member": hit.member_id, "degree": hit.degree} for hit in search.hits],
                "total": search.total,
                "search_scn": search.as_of.scn,
                "viewer_0": refused,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], [int(member) for member in sys.argv[4:]])
