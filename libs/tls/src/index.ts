export { type TlsCredentials, type TlsFiles, type TlsIdentityFiles } from './credentials';
export { dial, type DialTarget, secure } from './dial';
export { explainDialling, TlsFilesError } from './errors';
export { peerIdentity, type PeerIdentity } from './peer-names';
export {
  CLIENT_AUTHS,
  type ClientAuth,
  type ServerTls,
  TlsAcceptor,
  type TlsAcceptorSettings,
} from './tls-acceptor';
export { tlsConnector, type TlsConnector } from './tls-connector';
export { type TlsObserver, TlsSource, type TlsSourceOptions } from './tls-source';
