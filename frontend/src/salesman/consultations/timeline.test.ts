import { beforeAll, describe, expect, it } from 'vitest';
import { names } from '@/texts/names';
import { setLanguage } from '@/texts/texts';
import { consultationTexts } from './texts';
import { entryWords, reachedAt, type Entry } from './timeline';

beforeAll(() => setLanguage('ko'));

const AT = '2026-03-02T05:05:00Z';
const haneul = { id: 's1', displayName: '김하늘' };
const byHaneul = { role: 'salesman', displayName: '김하늘', id: 's1' } as const;
const say = (entry: Entry) => {
  const words = entryWords(entry, consultationTexts.ko, names.ko);
  return { ...words, text: words.text.replaceAll('\u2060', '') };
};

describe('the timeline', () => {
  it('says who requested it', () => {
    const requested = { id: 'a', at: AT, kind: 'requested', desiredDate: '2026-03-04' } as const;
    expect(say({ ...requested, by: { role: 'customer' } }).text).toBe('신청이 들어왔어요');
    expect(say({ ...requested, by: byHaneul }).text).toBe('김하늘 영업대표가 고객 대신 신청했어요');
  });

  it('says who was assigned, and that it was automatic', () => {
    const words = say({
      id: 'a',
      at: AT,
      kind: 'matched',
      salesman: haneul,
      consultant: { id: 'c1', displayName: '윤슬기' },
    });
    expect(words.text).toBe('김하늘 영업대표, 윤슬기 컨설턴트가 맡았어요');
    expect(words.by).toBe('자동 배정');
  });

  it('shows both days of a changed date only', () => {
    const edited = { id: 'a', at: AT, kind: 'edited', memoChanged: true } as const;
    const moved = say({ ...edited, dateFrom: '2026-03-03', dateTo: '2026-03-04' });
    expect(moved.text).toBe('고객이 희망일과 남긴 말을 바꿨어요');
    expect(moved.move).toBeDefined();
    expect(say({ ...edited, dateFrom: '2026-03-03', dateTo: '2026-03-03' }).move).toBeUndefined();
  });

  it('quotes the reason of a failure', () => {
    const words = say({
      id: 'a',
      at: AT,
      by: byHaneul,
      kind: 'progressed',
      from: 'approved',
      to: 'failed',
      reason: '자부담이 부담됨',
    });
    expect(words).toMatchObject({ text: '실패로 마쳤어요', quote: '자부담이 부담됨' });
  });

  it('knows when each step was reached', () => {
    const reached = reachedAt([
      { id: 'a', at: '1', kind: 'requested', desiredDate: '2026-03-04' },
      { id: 'b', at: '2', kind: 'progressed', from: 'apply', to: 'approved' },
    ]);
    expect(reached).toEqual({ apply: '1', approved: '2' });
  });
});
