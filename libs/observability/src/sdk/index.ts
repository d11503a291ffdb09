export { startSdk, type TelemetryIdentity, type RunningSdk } from './start-sdk';
