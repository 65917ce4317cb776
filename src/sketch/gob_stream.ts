import { ByteReader, ByteWriter } from "../bytes/mod.ts";
import { SketchError } from "./sketch_error.ts";

/**
 * Go's gob streams, as far as sketches need them (package encoding/gob, "Encoding Details"). A stream is a run of
 * messages, each a length and a payload; a payload either defines a type under a number of the sender's choice or
 * carries a value of a type. A reader resolves types from the stream and reads struct fields by their names.
 */

/** The types every stream knows, by their numbers. */
export const GobType = { bool: 1, int: 2, uint: 3, float: 4, bytes: 5, string: 6 } as const;

/** A type that a stream defined. */
type Definition =
  | { readonly kind: "slice"; readonly element: number }
  | { readonly kind: "array"; readonly element: number; readonly length: number }
  | { readonly kind: "map"; readonly key: number; readonly element: number }
  | { readonly kind: "struct"; readonly fields: readonly Field[] }
  | { readonly kind: "opaque" };

interface Field {
  readonly name: string;
  readonly type: number;
}

/** Types nest at most so deep; a sender could nest them without end. */
const MAX_DEPTH = 16;
/** Definitions a stream may hold; a sketch needs four at most. */
const MAX_DEFINITIONS = 64;

/**
 * Reads the values of a gob stream in order. Throws a `SketchError` on anything that is not what it is told to read,
 * or a `ByteError` where the stream is cut off.
 */
export class GobReader {
  readonly #stream: ByteReader;
  readonly #types = new Map<number, Definition>();
  #message: ByteReader = new ByteReader(new Uint8Array(0));
  #scratch = new DataView(new ArrayBuffer(8));

  /** Reads `bytes`, whole messages. */
  constructor(bytes: Uint8Array) {
    this.#stream = new ByteReader(bytes);
  }

  /**
   * Moves to the next value and gives its type's number; 0 at the end of the stream. The value before must have been
   * read to its end.
   */
  next(): number {
    for (;;) {
      this.#endMessage();
      if (this.#stream.remaining === 0) return 0;
      const size = uintOf(this.#stream);
      if (size === 0) throw broken("a message is empty");
      this.#message = this.#stream.sub(size);
      const type = this.int();
      if (type < 0) {
        this.#define(-type);
        continue;
      }
      if (type === 0) throw broken("a value has no type");
      if (this.#types.get(type)?.kind !== "struct" && this.#message.u8() !== 0) {
        throw broken("a value that is no struct does not begin with 0");
      }
      return type;
    }
  }

  /** Refuses bytes behind the value read last, and any further message. */
  end(): void {
    this.#endMessage();
    if (this.#stream.remaining > 0) {
      throw new SketchError("sketch.trailing", `Cannot decode a gob: ${this.#stream.remaining} bytes follow its end`);
    }
  }

  /** Refuses a value of another type than `type`, one of {@link GobType}. */
  expect(type: number, want: number): void {
    if (type !== want) throw broken(`a value has type ${type}, not ${want}`);
  }

  /** An unsigned number, at most 2^53 - 1. */
  uint(): number {
    return uintOf(this.#message);
  }

  /** A signed number. */
  int(): number {
    const value = this.uint();
    return value % 2 === 0 ? value / 2 : -(value - 1) / 2 - 1;
  }

  /** A truth value. */
  bool(): boolean {
    return this.uint() !== 0;
  }

  /** A floating-point number: its bytes travel in reverse, so that the zeros at their end are left out. */
  float(): number {
    const reader = this.#message;
    const first = reader.u8();
    this.#scratch.setBigUint64(0, 0n);
    if (first < 0x80) this.#scratch.setUint8(7, first);
    else {
      const size = 256 - first;
      if (size > 8) throw broken(`a number has ${size} bytes`);
      for (let i = 8 - size; i < 8; i++) this.#scratch.setUint8(i, reader.u8());
    }
    return this.#scratch.getFloat64(0, true);
  }

  /** Bytes: a view, valid as long as the stream's bytes are. */
  bytes(): Uint8Array {
    return this.#message.bytes(this.uint());
  }

  /** How many elements of what type follow in a slice or an array of type `type`; every element has a byte or more. */
  sliceHead(type: number): { readonly count: number; readonly element: number } {
    const definition = this.#types.get(type);
    if (definition?.kind !== "slice" && definition?.kind !== "array") throw broken(`type ${type} is no slice`);
    return { count: this.#count(1), element: definition.element };
  }

  /** How many pairs follow in a map of type `type`, and of what types. */
  mapHead(type: number): { readonly count: number; readonly key: number; readonly element: number } {
    const definition = this.#types.get(type);
    if (definition?.kind !== "map") throw broken(`type ${type} is no map`);
    return { count: this.#count(2), key: definition.key, element: definition.element };
  }

  /** Reads a struct of type `type`: `read` is told each field present, and reads its value or returns false. */
  struct(type: number, read: (name: string, type: number) => boolean): void {
    this.#struct(type, read, 0);
  }

  #struct(type: number, read: (name: string, type: number) => boolean, depth: number): void {
    const definition = this.#types.get(type);
    if (definition?.kind !== "struct") throw broken(`type ${type} is no struct`);
    let index = -1;
    for (let delta = this.uint(); delta !== 0; delta = this.uint()) {
      index += delta;
      const field = definition.fields[index];
      if (field === undefined) throw broken(`a struct of type ${type} has no field ${index}`);
      if (!read(field.name, field.type)) this.#skip(field.type, depth + 1);
    }
  }

  #skip(type: number, depth: number): void {
    if (depth > MAX_DEPTH) throw broken(`types nest deeper than ${MAX_DEPTH}`);
    if (type === GobType.float) this.float();
    else if (type >= GobType.bool && type <= GobType.uint) this.#skipUint();
    else if (type === GobType.bytes || type === GobType.string) this.bytes();
    else {
      const definition = this.#types.get(type);
      switch (definition?.kind) {
        case "struct":
          this.#struct(type, () => false, depth);
          break;
        case "slice":
        case "array":
          for (let count = this.#count(1); count > 0; count--) this.#skip(definition.element, depth + 1);
          break;
        case "map":
          for (let count = this.#count(2); count > 0; count--) {
            this.#skip(definition.key, depth + 1);
            this.#skip(definition.element, depth + 1);
          }
          break;
        case "opaque":
          this.bytes();
          break;
        default:
          throw broken(`type ${type} is not defined`);
      }
    }
  }

  #skipUint(): void {
    const first = this.#message.u8();
    if (first < 0x80) return;
    if (first < 0xf8) throw broken(`a number has ${256 - first} bytes`);
    this.#message.skip(256 - first);
  }

  /** A number of things of `size` bytes or more each, which must be there. */
  #count(size: number): number {
    const count = this.uint();
    this.#message.need(count * size, `${count} elements`);
    return count;
  }

  #endMessage(): void {
    if (this.#message.remaining > 0) throw broken(`${this.#message.remaining} bytes of a message are left over`);
  }

  /** Reads a wireType: one of its fields is present and says what kind of type this is. */
  #define(type: number): void {
    if (this.#types.has(type)) throw broken(`type ${type} is defined twice`);
    if (this.#types.size >= MAX_DEFINITIONS) throw broken(`more than ${MAX_DEFINITIONS} types are defined`);
    const kind = this.uint();
    let definition: Definition;
    switch (kind) {
      case 1: {
        const [element, length] = this.#commonThen(2);
        definition = { kind: "array", element: element!, length: length! };
        break;
      }
      case 2: {
        const [element] = this.#commonThen(1);
        definition = { kind: "slice", element: element! };
        break;
      }
      case 3:
        definition = { kind: "struct", fields: this.#structType() };
        break;
      case 4: {
        const [key, element] = this.#commonThen(2);
        definition = { kind: "map", key: key!, element: element! };
        break;
      }
      case 5:
      case 6:
      case 7:
        this.#commonThen(0); // a type that encodes itself: its values are bytes
        definition = { kind: "opaque" };
        break;
      default:
        throw broken(`a type of kind ${kind} is not known`);
    }
    if (this.uint() !== 0) throw broken("a type is of two kinds");
    this.#types.set(type, definition);
  }

  /** Reads a struct of a CommonType and `count` integers; those absent are 0. */
  #commonThen(count: number): number[] {
    const values = new Array<number>(count).fill(0);
    this.#eachField((field) => {
      if (field === 1) this.#commonType();
      else if (field <= count + 1) values[field - 2] = this.int();
      else throw broken(`a type has no property ${field}`);
    });
    return values;
  }

  /** CommonType { Name string; Id int }: neither is of use. */
  #commonType(): void {
    this.#eachField((field) => {
      if (field === 1) this.bytes();
      else if (field === 2) this.int();
      else throw broken(`a type has no common property ${field}`);
    });
  }

  #structType(): Field[] {
    const fields: Field[] = [];
    this.#eachField((field) => {
      if (field === 1) this.#commonType();
      else if (field === 2) { for (let count = this.#count(1); count > 0; count--) fields.push(this.#fieldType()); }
      else throw broken(`a struct type has no property ${field}`);
    });
    return fields;
  }

  #fieldType(): Field {
    let name = "";
    let type = 0;
    this.#eachField((field) => {
      if (field === 1) name = new TextDecoder().decode(this.bytes());
      else if (field === 2) type = this.int();
      else throw broken(`a field has no property ${field}`);
    });
    return { name, type };
  }

  #eachField(read: (field: number) => void): void {
    let field = 0;
    for (let delta = this.uint(); delta !== 0; delta = this.uint()) read(field += delta);
  }
}

function uintOf(reader: ByteReader): number {
  const first = reader.u8();
  if (first < 0x80) return first;
  const size = 256 - first;
  if (size > 8) throw broken(`a number has ${size} bytes`);
  let value = 0;
  for (let i = 0; i < size; i++) value = value * 256 + reader.u8();
  if (value > Number.MAX_SAFE_INTEGER) throw broken("a number exceeds 53 bits");
  return value;
}

function broken(why: string): SketchError {
  return new SketchError("sketch.format", `Cannot decode a gob: ${why}`);
}

/** Writes the values of a gob stream, a message each. Type definitions are written as they are, by `raw()`. */
export class GobWriter {
  readonly #out = new ByteWriter(512);
  readonly #message = new ByteWriter(512);
  readonly #float = new Uint8Array(8);
  readonly #floatView = new DataView(this.#float.buffer);

  /** Whole messages, written before. */
  raw(messages: Uint8Array): void {
    this.#out.bytes(messages);
  }

  /** Begins a value of a type that is no struct. */
  begin(type: number): void {
    this.#message.reset();
    this.uint(type * 2); // as a signed number
    this.#message.u8(0);
  }

  /** Ends the value, which is then a message. */
  end(): void {
    writeUint(this.#out, this.#message.length);
    this.#out.bytes(this.#message.view());
  }

  /** An unsigned number, at most 2^53 - 1. */
  uint(value: number): void {
    writeUint(this.#message, value);
  }

  /** A floating-point number. */
  float(value: number): void {
    this.#floatView.setFloat64(0, value, true);
    let start = 0;
    while (start < 7 && this.#float[start] === 0) start++;
    if (start < 7 || this.#float[7]! >= 0x80) this.#message.u8(256 - (8 - start));
    for (let i = start; i < 8; i++) this.#message.u8(this.#float[i]!);
  }

  /** Bytes behind their length. */
  bytes(bytes: Uint8Array): void {
    this.uint(bytes.length);
    this.#message.bytes(bytes);
  }

  /** The stream, in memory of its own. */
  copy(): Uint8Array<ArrayBuffer> {
    return this.#out.copy();
  }
}

function writeUint(writer: ByteWriter, value: number): void {
  if (value < 0x80) return writer.u8(value);
  let size = 1;
  for (let rest = value; rest >= 256; rest = Math.floor(rest / 256)) size++;
  writer.u8(256 - size);
  for (let i = size - 1; i >= 0; i--) writer.u8(Math.floor(value / 256 ** i) % 256);
}
