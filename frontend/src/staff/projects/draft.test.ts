import { describe, expect, it } from 'vitest';
import { changedFields, createBody, editBody, emptyDraft, merge, problemsOf, wonOf } from './draft';

const base = {
  ...emptyDraft(2026),
  name: '수출바우처',
  category: '수출',
  agency: '중소벤처기업부',
  startsOn: '2026-03-01',
  endsOn: '2026-03-27',
} as const;
const draft = { ...base, regions: [] };

describe('draft of an edition', () => {
  it('creates with what was typed, and null where nothing was', () => {
    expect(createBody({ ...draft, scale: '120,000,000', host: '  ' })).toMatchObject({
      name: '수출바우처',
      scale: 120_000_000,
      host: null,
      period: { kind: 'range', startsOn: '2026-03-01', endsOn: '2026-03-27' },
    });
  });

  it('edits only what differs, and the period as a whole', () => {
    expect(editBody(draft, draft)).toEqual({});
    expect(editBody(draft, { ...draft, target: '소상공인' })).toEqual({ target: '소상공인' });
    expect(editBody(draft, { ...draft, endsOn: '2026-03-31' })).toEqual({
      period: { kind: 'range', startsOn: '2026-03-01', endsOn: '2026-03-31' },
    });
  });

  it('reads amounts as they are typed', () => {
    expect(wonOf('1,500,000원')).toBe(1_500_000);
    expect(wonOf(' ')).toBeNull();
    expect(wonOf('1억')).toBeUndefined();
  });

  it('says what is wrong', () => {
    expect(problemsOf(draft)).toEqual({});
    expect(problemsOf({ ...draft, endsOn: '2026-02-01' })).toEqual({ endsOn: 'order' });
    expect(problemsOf({ ...draft, link: 'javascript:alert(1)' })).toEqual({ link: 'link' });
    expect(problemsOf(emptyDraft(2026))).toMatchObject({ name: 'missing', agency: 'missing' });
  });
});

describe('merge of two edits', () => {
  it('takes over what only the other one changed', () => {
    const mine = { ...draft, target: '소상공인' };
    const { merged, conflicts, taken } = merge(draft, { ...draft, endsOn: '2026-03-20' }, mine);
    expect(conflicts).toEqual([]);
    expect(taken).toEqual(['endsOn']);
    expect(changedFields(draft, merged)).toEqual(['target', 'endsOn']);
  });

  it('leaves what both changed to the person', () => {
    const mine = { ...draft, endsOn: '2026-03-31' };
    const { merged, conflicts } = merge(draft, { ...draft, endsOn: '2026-03-20' }, mine);
    expect(conflicts).toEqual(['endsOn']);
    expect(merged.endsOn).toBe('2026-03-31');
  });

  it('finds no conflict where both wrote the same', () => {
    const both = { ...draft, name: '2026년 수출바우처' };
    expect(merge(draft, both, both).conflicts).toEqual([]);
  });
});
