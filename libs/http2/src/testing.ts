export {
  block,
  callHeaders,
  flag,
  frame,
  good,
  headers,
  preface,
  setting,
  type,
  uint32,
} from './testing/raw-frames';
export { RawPeer, type RawPeerOptions, RawServer, type Received } from './testing/raw-peer';
