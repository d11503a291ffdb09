/** Whether a content type is gRPC's own: `application/grpc`, `application/grpc+proto`, `application/grpc;…`, and not gRPC-Web. */
export function isGrpcContentType(contentType: string): boolean {
  if (contentType === 'application/grpc') return true;
  return contentType.startsWith('application/grpc+') || contentType.startsWith('application/grpc;');
}
