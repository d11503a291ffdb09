import { create, fromBinary, type JsonObject, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { descriptorSetBase64 } from '@raftway/contracts';
import { parseRequestTemplate } from '@raftway/transcoding';
import { PartResolver } from './composite-parts';
import { type CompiledPart, type Fault } from './documents';
import { JsonRouteBuilder } from './json-routes';
import { MergedSchema } from './merged-schema';

const contracts = fromBinary(FileDescriptorSetSchema, Buffer.from(descriptorSetBase64, 'base64'));
const pages = create(FileDescriptorProtoSchema, {
  ...{ name: 'pages.proto', package: 'web', syntax: 'proto3' },
  dependency: ['google/api/httpbody.proto'],
  messageType: [{ name: 'Nothing' }],
  service: [
    {
      name: 'Pages',
      method: [{ name: 'Show', inputType: '.web.Nothing', outputType: '.google.api.HttpBody' }],
    },
  ],
});
const files = [...contracts.file, pages].map((file) => toBinary(FileDescriptorProtoSchema, file));
const grpcServices = ['helloworld.Greeter', 'web.Pages'];
const routes = new JsonRouteBuilder().build(
  new MergedSchema([{ grpcServices, files }]),
  grpcServices,
);

function part(grpcService: string, method: string, request: JsonObject): CompiledPart {
  const template = parseRequestTemplate(request);
  const always = { needs: [], timeoutMs: undefined, optional: false, cache: undefined };
  return { name: 'a', grpcService, method, template, ...always };
}

/** Why a part cannot be called. Not the route: Jest would write all of the schema of one that it did not expect. */
function faultOf(one: CompiledPart): Fault | undefined {
  const found = new PartResolver().resolve(one, routes);
  return 'reason' in found ? found : undefined;
}

describe('the method of a part', () => {
  const greeter = 'helloworld.Greeter';

  it('is what the service has under its name', () => {
    const found = new PartResolver().resolve(part(greeter, 'SayHello', { name: 'b' }), routes);

    expect(found === routes.routeOf(greeter, 'SayHello')).toBe(true);
  });

  it.each([
    [greeter, 'SayGoodbye', {}, 'MethodNotFound', /Greeter\/SayGoodbye$/],
    [greeter, 'SayHelloStreamReply', {}, 'UnsupportedValue', /is no unary method/],
    [greeter, 'SayHelloClientStream', {}, 'UnsupportedValue', /is no unary method/],
    [greeter, 'SayHelloBidiStream', {}, 'UnsupportedValue', /is no unary method/],
    ['web.Pages', 'Show', {}, 'UnsupportedValue', /answers bytes/],
    [greeter, 'SayHello', { nick: 'b' }, 'InvalidRequest', /SayHello: nick /],
  ])('%s/%s with %j cannot be called: %s', (grpcService, method, request, reason, message) => {
    expect(faultOf(part(grpcService, method, request))).toEqual({
      reason,
      message: expect.stringMatching(message) as string,
    });
  });
});
