import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { readAppList } from '@raftway/config';
import { Bundles } from './harness/bundles';
import { readCompose, type ComposeService } from './harness/compose';
import { versionOfWorkspace, WORKSPACE } from './harness/images';

const apps = readAppList(WORKSPACE);
const RAFT = [...apps.keys()].filter((app) => apps.get(app)?.peerPort !== undefined);
const STATELESS = [...apps.keys()].filter((app) => app !== 'gateway' && !RAFT.includes(app));
const REPLICAS = [1, 2, 3];
const INSTANCES = [1, 2];
const { services, networks, volumes } = readCompose('compose.yaml');
const all = Object.entries(services);

function appOf(service: ComposeService): string {
  return service.build?.args.APP ?? '';
}

function portOf(app: string): number | undefined {
  return apps.get(app)?.port;
}

function environmentOf(name: string): Readonly<Record<string, string>> {
  return services[name]?.environment ?? {};
}

let bundles: Bundles;
beforeAll(() => void (bundles = new Bundles()));
afterAll(() => bundles.remove());

describe('compose.yaml', () => {
  it('has three replicas of each Raft service, two of each other app, and the gateway', () => {
    const replicas = RAFT.flatMap((app) => REPLICAS.map((id) => `${app}-${id}`));
    const instances = STATELESS.flatMap((app) => INSTANCES.map((id) => `${app}-${id}`));
    expect(Object.keys(services).sort()).toEqual([...replicas, ...instances, 'gateway'].sort());
  });

  it.each(all)('%s: sets only what its app knows, to values that it takes', (_name, service) => {
    expect(bundles.complaints(appOf(service), service.environment ?? {})).toEqual([]);
  });

  it('would be told of a variable that an app does not know', () => {
    expect(bundles.complaints('gateway', { RAFTWAY_PEERS: '1=a:1' })).toEqual([
      expect.stringContaining('RAFTWAY_PEERS is not an option'),
    ]);
  });

  it.each(all)(
    '%s: is built from the Dockerfile, under the version of the workspace',
    (name, service) => {
      expect(name.replace(/-\d$/, '')).toBe(appOf(service));
      expect(service.build).toMatchObject({ context: '..', dockerfile: 'docker/Dockerfile' });
      expect(service.image).toBe(
        `raftway/${appOf(service)}:\${RAFTWAY_VERSION:-${versionOfWorkspace()}}`,
      );
    },
  );

  it('gives an image that is built by hand the same version', () => {
    const dockerfile = readFileSync(join(WORKSPACE, 'docker/Dockerfile'), 'utf8');
    expect(dockerfile).toContain(`\nARG VERSION=${versionOfWorkspace()}\n`);
  });

  it.each(all)('%s: can write to its volume only, and has limits', (_name, service) => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      mem_limit: expect.any(String) as string,
      pids_limit: expect.any(Number) as number,
      stop_grace_period: '20s',
    });
  });

  it.each(RAFT)('%s: its peers are its replicas, each with its number and its volume', (app) => {
    const peerPort = apps.get(app)?.peerPort;
    const peers = REPLICAS.map((id) => `${id}=${app}-${id}:${String(peerPort)}`).join(',');
    for (const id of REPLICAS) {
      const name = `${app}-${id}`;
      expect(environmentOf(name)).toMatchObject({
        RAFTWAY_PEERS: peers,
        RAFTWAY_NODE_ID: String(id),
      });
      expect(services[name]?.volumes).toEqual([`${name}:/var/lib/raftway`]);
      expect(volumes).toHaveProperty(name);
    }
  });

  it('lists the registry’s replicas where they are called', () => {
    const addresses = REPLICAS.map((id) => `registry-${id}:${portOf('registry')}`);
    for (const [name, service] of all) {
      const { RAFTWAY_REGISTRY, RAFTWAY_REPLICAS } = environmentOf(name);
      if (appOf(service) === 'registry')
        expect(RAFTWAY_REPLICAS).toBe(
          addresses.map((address, at) => `${at + 1}=${address}`).join(','),
        );
      else expect(RAFTWAY_REGISTRY).toBe(addresses.join(','));
    }
  });

  it('registers every instance under its own name and port', () => {
    for (const [name, service] of all) {
      const app = appOf(service);
      const advertised = app === 'gateway' ? undefined : `${name}:${portOf(app)}`;
      expect(environmentOf(name)['RAFTWAY_ADVERTISE']).toBe(advertised);
    }
  });

  it('lets nothing in but calls to the gateway, from this machine', () => {
    const published = all.filter(([, { ports }]) => ports !== undefined);
    expect(published.map(([name, { ports }]) => ({ name, ports }))).toEqual([
      { name: 'gateway', ports: ['127.0.0.1:8080:8080'] },
    ]);
    expect(networks?.['suite']?.internal).toBe(true);
  });

  it.each([...apps])(
    'the ports of %s are those of ARCHITECTURE.md and of the app itself',
    (app, ports) => {
      const architecture = readFileSync(join(WORKSPACE, 'ARCHITECTURE.md'), 'utf8');
      const row = new RegExp(`^\\| ${app} +\\| ([^|]+) \\|`, 'm').exec(architecture)?.[1] ?? '';
      expect(row.trim().split(/[^0-9]+/)[0]).toBe(String(ports.port));
      const help = bundles.help(app);
      expect(help).toContain(`[127.0.0.1:${ports.port}]`);
      expect(help).toContain('RAFTWAY_HTTP_BIND (host:port)  [127.0.0.1:9464]');
      if (ports.peerPort !== undefined) {
        expect(row).toContain(`peers ${ports.peerPort}`);
        expect(help).toContain(`[127.0.0.1:${ports.peerPort}]`);
      }
    },
  );
});

describe('compose.observability.yaml', () => {
  const { services: added } = readCompose('compose.observability.yaml');
  const tools = Object.entries(added).filter(([name]) => !(name in services));

  it('pins the version of every tool and publishes it on this machine only', () => {
    expect(tools.map(([name]) => name)).toEqual([
      'otel-collector',
      'jaeger',
      'prometheus',
      'grafana',
    ]);
    for (const [, { image, ports = [] }] of tools) {
      expect(image).toMatch(/^docker\.io\/[\w/-]+:v?\d+\.\d+\.\d+$/);
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    }
  });

  it('mounts files that exist, to be read only', () => {
    for (const mount of tools.flatMap(([, service]) => service.volumes ?? [])) {
      const [source = '', , mode] = mount.split(':');
      expect({ source, exists: existsSync(join(WORKSPACE, 'docker', source)), mode }).toEqual({
        source,
        exists: true,
        mode: 'ro',
      });
    }
  });

  it('traces every app', () => {
    const traced = Object.keys(added).filter((name) => name in services);
    expect(traced.sort()).toEqual(Object.keys(services).sort());
    for (const name of traced) {
      expect(added[name]?.environment).toEqual({
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel-collector:4318',
      });
    }
  });

  const prometheus = parse(
    readFileSync(join(WORKSPACE, 'docker/observability/prometheus.yaml'), 'utf8'),
  ) as {
    rule_files: string[];
    scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
  };

  it('gives Prometheus its alerts, beside its configuration', () => {
    for (const file of prometheus.rule_files) {
      expect(added['prometheus']?.volumes).toContain(
        `./observability/${file}:/etc/prometheus/${file}:ro`,
      );
    }
    expect(prometheus.rule_files).toEqual(['alerts.yaml']);
  });

  it('opens Grafana with the dashboard of the suite, and gives it all others', () => {
    const { volumes, environment } = added['grafana'] ?? {};
    expect(volumes).toContain('./observability/grafana/dashboards:/etc/grafana/dashboards:ro');
    const home = environment?.['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH'] ?? '';
    const file = home.replace('/etc/grafana/', 'docker/observability/grafana/');
    expect(existsSync(join(WORKSPACE, file))).toBe(true);
    const provided = readFileSync(
      join(WORKSPACE, 'docker/observability/grafana/provisioning/dashboards/dashboards.yaml'),
      'utf8',
    );
    expect(parse(provided)).toMatchObject({
      providers: [{ options: { path: '/etc/grafana/dashboards' } }],
    });
  });

  it('scrapes every container, as the job of its app', () => {
    const { scrape_configs: jobs } = prometheus;
    for (const { job_name: job, static_configs: configs } of jobs) {
      for (const target of configs.flatMap(({ targets: each }) => each))
        expect(target.replace(/(-\d)?:9464$/, '')).toBe(job);
    }
    const targets = jobs.flatMap((job) => job.static_configs.flatMap((each) => each.targets));
    expect(targets.sort()).toEqual(
      Object.keys(services)
        .map((name) => `${name}:9464`)
        .sort(),
    );
  });
});

describe.each([...apps.keys()])('the bundle of %s', (app) => {
  it('has the OpenTelemetry SDK, and loads it when it is told where spans go', () => {
    const said = 'telemetry is exported';
    const endpoint = 'http://127.0.0.1:9';

    expect(bundles.log(app, { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })).toContain(said);
    expect(bundles.log(app, {})).not.toContain(said);
  });

  it('has it in a file of its own, which nobody else reads', () => {
    expect(bundles.file(app, 'telemetry.js')).toContain('BatchSpanProcessor');
    expect(bundles.file(app, 'main.js')).not.toContain('BatchSpanProcessor');
  });
});
