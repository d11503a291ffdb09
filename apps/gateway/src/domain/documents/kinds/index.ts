import { type z } from 'zod';
import { raftwayGroup, gatewayApiGroup } from './common';
import { compositeRouteSchema, type CompositeRouteDocument } from './composite-route';
import { gatewaySchema, type GatewayDocument } from './gateway';
import { grpcRouteSchema, type GrpcRouteDocument } from './grpc-route';
import { httpRouteSchema, type HttpRouteDocument } from './http-route';
import {
  backendPolicySchema,
  type BackendPolicyDocument,
  trafficPolicySchema,
  type TrafficPolicyDocument,
} from './policies';
import { securityPolicySchema, type SecurityPolicyDocument } from './security-policy';
import { transcodePolicySchema, type TranscodePolicyDocument } from './transcode-policy';

/** A validated document of any kind. */
export type AnyDocument =
  | GatewayDocument
  | GrpcRouteDocument
  | HttpRouteDocument
  | BackendPolicyDocument
  | TrafficPolicyDocument
  | SecurityPolicyDocument
  | TranscodePolicyDocument
  | CompositeRouteDocument;

/** The kinds of documents, each with its schema. */
export const documentKinds = {
  Gateway: { apiVersion: `${gatewayApiGroup}/v1`, schema: gatewaySchema },
  GRPCRoute: { apiVersion: `${gatewayApiGroup}/v1`, schema: grpcRouteSchema },
  HTTPRoute: { apiVersion: `${gatewayApiGroup}/v1`, schema: httpRouteSchema },
  BackendPolicy: { apiVersion: `${raftwayGroup}/v1`, schema: backendPolicySchema },
  TrafficPolicy: { apiVersion: `${raftwayGroup}/v1`, schema: trafficPolicySchema },
  SecurityPolicy: { apiVersion: `${raftwayGroup}/v1`, schema: securityPolicySchema },
  TranscodePolicy: { apiVersion: `${raftwayGroup}/v1`, schema: transcodePolicySchema },
  CompositeRoute: { apiVersion: `${raftwayGroup}/v1`, schema: compositeRouteSchema },
} as const satisfies Record<
  AnyDocument['kind'],
  { readonly apiVersion: string; readonly schema: z.ZodType }
>;
