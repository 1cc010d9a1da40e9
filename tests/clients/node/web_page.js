// What a web application in Node does: a page of degrees, a search inside the viewer's network, a deadline, an error.
//
// Usage: web_page.js PROTO_FOLDER PUBLIC_ADDRESS VIEWER_ID QUERY MEMBER_ID...
// Prints one JSON object. The stubs are made from the protos when the program starts.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import protobuf from "protobufjs";

const here = dirname(fileURLToPath(import.meta.url));
const [protos, address, viewer, query, ...members] = process.argv.slice(2);
// Member ids are 64-bit numbers, which JavaScript's numbers do not hold.
const options = { keepCase: true, longs: String, defaults: true, includeDirs: [protos] };
const definition = protoLoader.loadSync(["cloud/v1/network.proto", "cloud/v1/search.proto"], options);
const cloud = grpc.loadPackageDefinition(definition).cloud.v1;
const rpc = protobuf.loadSync(join(here, "error_details.proto"));

/** Calls a method, and rejects after so many milliseconds. */
function call(stub, method, request, milliseconds) {
  const deadline = Date.now() + milliseconds;
  return new Promise((resolve, reject) => {
    stub[method](request, { deadline }, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

/** Returns the code of an error, and what its details name. */
function details(error) {
  const named = { code: grpc.status[error.code], reason: null, domain: null, field: null };
  for (const bytes of error.metadata.get("grpc-status-details-bin")) {
    for (const detail of rpc.lookupType("google.rpc.Status").decode(bytes).details) {
      const type = detail.type_url.split("/").pop();
      if (type === "google.rpc.ErrorInfo") {
        const { reason, domain } = rpc.lookupType(type).decode(detail.value);
        Object.assign(named, { reason, domain });
      } else if (type === "google.rpc.BadRequest") {
        named.field = rpc.lookupType(type).decode(detail.value).fieldViolations[0].field;
      }
    }
  }
  return named;
}

const credentials = grpc.credentials.createInsecure();
const network = new cloud.NetworkService(address, credentials, {
  "grpc.default_compression_algorithm": grpc.compressionAlgorithms.gzip,
});
const search = new cloud.SearchService(address, credentials);
const refused = (request, milliseconds) =>
  call(network, "GetDegrees", request, milliseconds).then(() => ({ code: "OK" }), details);

const asked = { viewer_id: viewer, member_ids: members, shared_count: true, path: true };
const page = await call(network, "GetDegrees", asked, 5000);
const found = await call(
  search,
  "SearchMembers",
  // The page of degrees was seen: the search must not answer from before it.
  { viewer_id: viewer, query, degrees: ["DEGREE_FIRST", "DEGREE_SECOND"], at_least: { as_of: page.as_of } },
  5000,
);
const later = { as_of: { log_id: page.as_of.log_id, scn: String(BigInt(page.as_of.scn) + 1n) } };
console.log(
  JSON.stringify({
    degrees: page.degrees.map((one) => ({
      member: one.member_id,
      degree: one.degree,
      shared: one.shared_count ?? 0,
      path: one.path,
    })),
    degrees_scn: Number(page.as_of.scn),
    total: Number(found.total),
    search_scn: Number(found.as_of.scn),
    // A point that never comes: the deadline passes first.
    deadline: await refused({ viewer_id: viewer, at_least: later }, 100),
    error: await refused({ viewer_id: viewer, member_ids: [viewer, 0] }, 5000),
  }),
);
network.close();
search.close();
