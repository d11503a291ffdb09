import {
  type ClientConnection,
  type ClientEngine,
  type ClientLimits,
  type ConnectionListener,
} from '../engine';
import { FrameClientConnection } from './client-connection';
import { type Connector, tcpConnector } from './connector';
import { type FlushScheduler } from './flush-scheduler';

/**
 * Streams that one connection is used for. Ids are odd and end at 2^31 - 1 (RFC 9113 §5.1.1), so that 2^30 is the most; half of it leaves
 * the streams that are open then all the room they need.
 */
const streamsInAllMax = 2 ** 29;

/** The client side on frames of our own. */
export class FrameClientEngine implements ClientEngine {
  /**
   * @param scheduler to be shared with the server engine.
   * @param streamsMax streams after which a connection is closed and another one made.
   * @param connector opens the sockets. @default plain TCP
   */
  constructor(
    private readonly limits: ClientLimits,
    private readonly scheduler: FlushScheduler,
    private readonly streamsMax = streamsInAllMax,
    private readonly connector: Connector = tcpConnector,
  ) {}

  connect(address: string, listener: ConnectionListener, serverName?: string): ClientConnection {
    return new FrameClientConnection(
      address,
      this.limits,
      listener,
      this.scheduler,
      this.streamsMax,
      this.connector,
      serverName,
    );
  }
}
