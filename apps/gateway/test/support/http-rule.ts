import { create } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type MethodOptions, MethodOptionsSchema } from '@bufbuild/protobuf/wkt';

/** A method's `google.api.http`. @param rule the numbers and texts of its fields */
export function httpRule(...rule: (readonly [field: number, text: string])[]): MethodOptions {
  const bytes = new BinaryWriter();
  for (const [field, text] of rule) bytes.tag(field, WireType.LengthDelimited).string(text);
  const data = new BinaryWriter().bytes(bytes.finish()).finish();
  const options = create(MethodOptionsSchema);
  options.$unknown = [{ no: 72_295_728, wireType: WireType.LengthDelimited, data }];
  return options;
}
