import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { descriptorSetBase64 } from '@raftway/contracts';
import { httpRule } from '../../test/support/http-rule';
import { JsonRouteBuilder } from './json-routes';
import { MergedSchema, type SchemaSource } from './merged-schema';

const contracts = fromBinary(FileDescriptorSetSchema, Buffer.from(descriptorSetBase64, 'base64'));
const encoded = contracts.file.map((file) => toBinary(FileDescriptorProtoSchema, file));
const greeter: SchemaSource = { grpcServices: ['helloworld.Greeter'], files: encoded };

/** The greeter under another package, with the same HTTP rules. */
function impostor(): SchemaSource {
  const file = create(
    FileDescriptorProtoSchema,
    contracts.file.find(({ name }) => name === 'helloworld/helloworld.proto'),
  );
  const text = Buffer.from(toBinary(FileDescriptorProtoSchema, file)).toString('latin1');
  // A name of the same length keeps the lengths in the bytes right.
  const bytes = Buffer.from(text.replaceAll('helloworld', 'hallowelt_'), 'latin1');
  return { grpcServices: ['hallowelt_.Greeter'], files: [bytes, ...encoded] };
}

/** A service whose only method has that rule. */
function ruled(name: string, path: string): SchemaSource {
  const post = 4;
  const message = `.${name}.Nothing`;
  const options = httpRule([post, path]);
  const method = { name: 'Do', inputType: message, outputType: message, options };
  const file = create(FileDescriptorProtoSchema, {
    name: `${name}.proto`,
    package: name,
    syntax: 'proto3',
    messageType: [{ name: 'Nothing' }],
    service: [{ name: 'Rules', method: [method] }],
  });
  const files = [toBinary(FileDescriptorProtoSchema, file)];
  return { grpcServices: [`${name}.Rules`], files };
}

function owner(
  routes: ReturnType<JsonRouteBuilder['build']>,
  method: string,
  path: string,
): string {
  const match = routes.router.match(method, path);
  return match.kind === 'found' ? match.target.binding.method.parent.typeName : match.kind;
}

describe('JSON routes', () => {
  it('of two services that claim one path belong to the one that came first', () => {
    const schema = new MergedSchema([greeter, impostor()]);
    const first = new JsonRouteBuilder().build(schema, [
      'helloworld.Greeter',
      'hallowelt_.Greeter',
    ]);
    expect(owner(first, 'GET', '/v1/greetings/a')).toBe('helloworld.Greeter');
    expect(owner(first, 'POST', '/hallowelt_.Greeter/SayHello')).toBe('hallowelt_.Greeter');
    expect(first.problems[0]).toEqual({
      grpcService: 'hallowelt_.Greeter',
      detail: 'GET /v1/greetings/{name} leads to helloworld.Greeter, which came first',
    });
    const second = new JsonRouteBuilder().build(schema, [
      'hallowelt_.Greeter',
      'helloworld.Greeter',
    ]);
    expect(owner(second, 'GET', '/v1/greetings/a')).toBe('hallowelt_.Greeter');
  });

  it('at the path of a method belong to the method, whoever came first', () => {
    const schema = new MergedSchema([ruled('first', '/second.Rules/Do'), ruled('second', '/v1/b')]);
    const routes = new JsonRouteBuilder().build(schema, ['first.Rules', 'second.Rules']);
    expect(owner(routes, 'POST', '/second.Rules/Do')).toBe('second.Rules');
    expect(routes.problems).toEqual([
      {
        grpcService: 'first.Rules',
        detail: 'POST /second.Rules/Do leads to second.Rules, whose own path it is',
      },
    ]);
  });

  it('with a literal are others than those with any segment', () => {
    const schema = new MergedSchema([ruled('first', '/v1/any'), ruled('second', '/v1/*')]);
    const routes = new JsonRouteBuilder().build(schema, ['first.Rules', 'second.Rules']);
    expect(routes.problems).toEqual([]);
    expect(owner(routes, 'POST', '/v1/any')).toBe('first.Rules');
    expect(owner(routes, 'POST', '/v1/other')).toBe('second.Rules');
  });

  it('go with their service, and are not read again while its files are the same', () => {
    const builder = new JsonRouteBuilder();
    const names = ['helloworld.Greeter'];
    const before = builder.build(new MergedSchema([greeter]), names);
    const after = builder.build(new MergedSchema([greeter]), names);
    const route = (routes: typeof before): unknown => {
      const match = routes.router.match('GET', '/v1/greetings/a');
      return match.kind === 'found' ? match.target : undefined;
    };
    expect(route(before)).toBeDefined();
    expect(route(after)).toBe(route(before));
    expect(owner(builder.build(new MergedSchema([greeter]), []), 'GET', '/v1/greetings/a')).toBe(
      'path-unknown',
    );
  });

  it('leave a service out whose files are not whole, and say so', () => {
    const files = encoded.filter(
      (_, index) => contracts.file[index]?.name === 'helloworld/helloworld.proto',
    );
    const schema = new MergedSchema([{ grpcServices: ['helloworld.Greeter'], files }]);
    expect(new JsonRouteBuilder().build(schema, ['helloworld.Greeter']).problems).toEqual([
      {
        grpcService: 'helloworld.Greeter',
        detail:
          'helloworld/helloworld.proto imports google/api/annotations.proto, which is not there',
      },
    ]);
  });
});
