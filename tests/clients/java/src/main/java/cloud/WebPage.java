package cloud;

import cloud.v1.Network.Degree;
import cloud.v1.Network.GetDegreesRequest;
import cloud.v1.Network.GetDegreesResponse;
import cloud.v1.Network.MemberDegree;
import cloud.v1.Search.SearchMembersRequest;
import cloud.v1.Search.SearchMembersResponse;
import com.google.protobuf.Any;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import databus.v1.AsOfOuterClass.AsOf;
import databus.v1.AsOfOuterClass.AtLeast;
import io.grpc.CallOptions;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCalls;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * What a web application in Java does: a page of degrees, a search inside the viewer's network, a deadline, an error.
 *
 * <p>Usage: WebPage PUBLIC_ADDRESS VIEWER_ID QUERY MEMBER_ID... It prints one JSON object.
 */
public final class WebPage {
  public static void main(String[] arguments) throws Exception {
    String address = arguments[0];
    long viewer = Long.parseUnsignedLong(arguments[1]);
    String query = arguments[2];
    List<Long> members =
        Arrays.stream(arguments).skip(3).map(Long::parseUnsignedLong).collect(Collectors.toList());
    ManagedChannel channel =
        Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
    try {
      System.out.println(page(channel, viewer, query, members));
    } finally {
      channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
  }

  private static final MethodDescriptor<GetDegreesRequest, GetDegreesResponse> GET_DEGREES =
      method(
          "cloud.v1.NetworkService/GetDegrees",
          GetDegreesRequest.getDefaultInstance(),
          GetDegreesResponse.getDefaultInstance());

  private static final MethodDescriptor<SearchMembersRequest, SearchMembersResponse> SEARCH_MEMBERS =
      method(
          "cloud.v1.SearchService/SearchMembers",
          SearchMembersRequest.getDefaultInstance(),
          SearchMembersResponse.getDefaultInstance());

  /** Describes a method, as generated stubs do. */
  private static <Q extends Message, A extends Message> MethodDescriptor<Q, A> method(
      String name, Q request, A response) {
    return MethodDescriptor.<Q, A>newBuilder()
        .setType(MethodDescriptor.MethodType.UNARY)
        .setFullMethodName(name)
        .setRequestMarshaller(ProtoUtils.marshaller(request))
        .setResponseMarshaller(ProtoUtils.marshaller(response))
        .build();
  }

  /** Calls a method with requests in gzip, and a deadline after so many milliseconds. */
  private static <Q, A> A call(
      ManagedChannel channel, MethodDescriptor<Q, A> method, Q request, long milliseconds) {
    CallOptions options =
        CallOptions.DEFAULT
            .withCompression("gzip")
            .withDeadlineAfter(milliseconds, TimeUnit.MILLISECONDS);
    return ClientCalls.blockingUnaryCall(channel, method, options, request);
  }

  private static String page(ManagedChannel channel, long viewer, String query, List<Long> members)
      throws Exception {
    GetDegreesRequest request =
        GetDegreesRequest.newBuilder()
            .setViewerId(viewer)
            .addAllMemberIds(members)
            .setSharedCount(true)
            .setPath(true)
            .build();
    GetDegreesResponse page = call(channel, GET_DEGREES, request, 5000);
    SearchMembersRequest search =
        SearchMembersRequest.newBuilder()
            .setViewerId(viewer)
            .setQuery(query)
            .addDegrees(Degree.DEGREE_FIRST)
            .addDegrees(Degree.DEGREE_SECOND)
            // The page of degrees was seen: the search must not answer from before it.
            .setAtLeast(AtLeast.newBuilder().setAsOf(page.getAsOf()))
            .build();
    SearchMembersResponse found = call(channel, SEARCH_MEMBERS, search, 5000);
    AsOf later = page.getAsOf().toBuilder().setScn(page.getAsOf().getScn() + 1).build();
    GetDegreesRequest never =
        GetDegreesRequest.newBuilder()
            .setViewerId(viewer)
            .setAtLeast(AtLeast.newBuilder().setAsOf(later))
            .build();
    GetDegreesRequest wrong =
        GetDegreesRequest.newBuilder().setViewerId(viewer).addMemberIds(viewer).addMemberIds(0).build();
    String degrees =
        page.getDegreesList().stream().map(WebPage::degree).collect(Collectors.joining(","));
    return String.format(
        "{\"degrees\":[%s],\"degrees_scn\":%d,\"total\":%d,\"search_scn\":%d,\"deadline\":%s,\"error\":%s}",
        degrees,
        page.getAsOf().getScn(),
        found.getTotal(),
        found.getAsOf().getScn(),
        // A point that never comes: the deadline passes first.
        refused(channel, never, 100),
        refused(channel, wrong, 5000));
  }

  private static String degree(MemberDegree one) {
    String path =
        one.getPathList().stream()
            .map(member -> "\"" + Long.toUnsignedString(member) + "\"")
            .collect(Collectors.joining(","));
    return String.format(
        "{\"member\":\"%s\",\"degree\":%d,\"shared\":%d,\"path\":[%s]}",
        Long.toUnsignedString(one.getMemberId()), one.getDegreeValue(), one.getSharedCount(), path);
  }

  /** Returns the code of an error, and what its details name. */
  private static String refused(
      ManagedChannel channel, GetDegreesRequest request, long milliseconds) throws Exception {
    try {
      call(channel, GET_DEGREES, request, milliseconds);
      return "{\"code\":\"OK\"}";
    } catch (StatusRuntimeException error) {
      String reason = null;
      String domain = null;
      String field = null;
      for (Any detail : StatusProto.fromThrowable(error).getDetailsList()) {
        if (detail.is(ErrorInfo.class)) {
          reason = detail.unpack(ErrorInfo.class).getReason();
          domain = detail.unpack(ErrorInfo.class).getDomain();
        } else if (detail.is(BadRequest.class)) {
          field = detail.unpack(BadRequest.class).getFieldViolations(0).getField();
        }
      }
      return String.format(
          "{\"code\":\"%s\",\"reason\":%s,\"domain\":%s,\"field\":%s}",
          error.getStatus().getCode(), quoted(reason), quoted(domain), quoted(field));
    }
  }

  private static String quoted(String text) {
    return text == null ? "null" : "\"" + text + "\"";
  }
}
