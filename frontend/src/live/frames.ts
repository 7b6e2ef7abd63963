/** One block of a stream of server-sent events. A heartbeat has an id and no data. */
export interface Frame {
  id: string | undefined;
  data: string | undefined;
}

/**
 * Splits text as it arrives into blocks. `eventsource-parser` drops the ids of blocks without data,
 * and here these move the cursor.
 */
export class FrameReader {
  private rest = '';

  /** The blocks that this text completes. */
  push(text: string): Frame[] {
    const blocks = (this.rest + text).split('\n\n');
    this.rest = blocks.pop() ?? '';
    return blocks.map(frameOf);
  }
}

function frameOf(block: string): Frame {
  const frame: Frame = { id: undefined, data: undefined };
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /u, '');
    const field = line.slice(0, colon);
    if (field === 'id') frame.id = value;
    if (field === 'data') frame.data = frame.data === undefined ? value : `${frame.data}\n${value}`;
  }
  return frame;
}
