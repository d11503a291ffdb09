export type { DepartedInstance, Instance, ServiceChange, ServiceView } from './service-view';
