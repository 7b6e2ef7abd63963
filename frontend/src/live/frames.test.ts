import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader } from './frames';

describe('frames of the stream', () => {
  it('has the id and the data of an event', () => {
    expect(new FrameReader().push('id: 1-a-2\nevent: X\ndata: {"a":1}\n\n')).toEqual([
      { id: '1-a-2', data: '{"a":1}' },
    ]);
  });

  it('has the id of a heartbeat without data', () => {
    expect(new FrameReader().push(':\nid: 1-a-3\n\n')).toEqual([{ id: '1-a-3', data: undefined }]);
  });

  it('reads the same whatever the pieces that arrive', () => {
    const text =
      'retry: 3000\nid: 1-a-0\n\nid: 1-a-1\ndata: {"n":"수출: 바우처"}\n\n:\nid: 1-a-2\n\n';
    const whole = new FrameReader().push(text);
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 8 }), (cuts) => {
        const reader = new FrameReader();
        const ends = [...cuts.toSorted((a, b) => a - b), text.length];
        const frames = ends.flatMap((end, n) => reader.push(text.slice(ends[n - 1] ?? 0, end)));
        expect(frames).toEqual(whole);
      }),
    );
  });
});
