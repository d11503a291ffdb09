import { z } from 'zod';
import { carriesCall } from '../header-modifiers';

/** The name of a header of a call's metadata, in lower case. */
export const metadataName = () =>
  z
    .string()
    .max(64)
    .regex(/^[a-z0-9!#$%&'*+.^_`|~-]+$/, 'must be a header name in lower case');

/** The name of a header that instances are told something in: none that carries the call, or that says where it came from. */
export const toldName = () =>
  metadataName().refine(
    (name) => !carriesCall(name) && !reserved.test(name),
    'has a meaning of its own: take another name',
  );

const reserved =
  /^(?:grpc-|x-forwarded-|forwarded$|x-real-ip$|raftway-identity-(?:type|principal|issuer)$)/;
