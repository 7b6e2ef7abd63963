import { beforeAll, describe, expect, it } from 'vitest';
import { setLanguage } from '@/texts/texts';
import { whyMe, type Reason } from './why';
import { whyTexts } from './whyTexts';

beforeAll(() => setLanguage('ko'));

const reason = (more: Partial<Reason>): Reason => ({
  rule: 'phone-suffix',
  picked: 2,
  among: 4,
  lastFour: '5678',
  candidates: [{ id: 'me', displayName: '김하늘', open: 5, capacity: 8 }],
  ...more,
});
const why = (more: Partial<Reason> = {}) => whyMe(reason(more), 'me', whyTexts.ko);

describe('why me', () => {
  it('is a sum in words, with my place among the candidates', () => {
    const { text, slots, load } = why();
    expect(text.replaceAll('\u2060', '')).toBe(
      '고객 번호 끝 네 자리 **5678**을 그때 받을 수 있던 **4명**으로 나누면 **2**가 남아요. 0번부터 세어 2번이 나예요.',
    );
    expect(slots.map((slot) => slot.isMine)).toEqual([false, false, true, false]);
    expect(load).toContain('5건');
  });

  it('is a sentence without places where nothing was computed', () => {
    expect(why({ rule: 'kept' })).toMatchObject({ text: whyTexts.ko.kept, slots: [] });
    expect(why({ rule: 'brought' }).text).toBe(whyTexts.ko.brought);
    expect(why({ rule: 'by-hand' }).text).toBe(whyTexts.ko.byHand);
  });

  it('draws no more places than can be seen', () => {
    expect(why({ among: 60 }).slots).toEqual([]);
    expect(why({ among: 1, picked: 0 }).slots).toEqual([]);
  });

  it('leaves out my work where it is unknown', () => {
    expect(why({ candidates: [] }).load).toBeUndefined();
  });
});
