import { beforeAll, describe, expect, it } from 'vitest';
import { names } from '@/texts/names';
import { setLanguage } from '@/texts/texts';
import { notificationTexts } from './texts';
import { wordsOf, type Notification } from './words';

beforeAll(() => setLanguage('ko'));

const plain = (text: string | undefined) =>
  text?.replaceAll('\u2060', '').replaceAll('\u00A0', ' ');
type Given = Partial<Omit<Notification, 'details'>> & {
  details?: Partial<Notification['details']>;
};
const notification = ({ details, ...more }: Given): Notification => ({
  id: 'a',
  kind: 'assigned',
  createdAt: '2026-03-04T02:00:00Z',
  details: (details ?? {}) as Notification['details'],
  ...more,
});
const say = (more: Given) => wordsOf(notification(more), notificationTexts.ko, names.ko);

describe('a notification', () => {
  it('names the customer by four digits and leads to the consultation', () => {
    const words = say({
      link: { kind: 'consultation', id: 'c1' },
      details: { lastFour: '5678', projectName: '수출바우처' },
    });
    expect(words).toMatchObject({
      subject: '고객 ····5678',
      happened: '상담을 맡았어요',
      below: ['수출바우처'],
      to: '/salesman/consultations/c1',
    });
  });

  it('leads from an interest to its customer', () => {
    const words = say({ link: { kind: 'interest', id: 'i1' }, details: { customerId: 'u1' } });
    expect(words.to).toBe('/salesman/customers?customer=u1');
  });

  it('shows both dates of a deadline that moved, and which way', () => {
    const words = say({
      kind: 'deadline_moved',
      link: { kind: 'project', id: 'p1' },
      details: {
        projectName: '수출바우처',
        previous: '2026-03-27',
        new: '2026-03-20',
        customers: 2,
      },
    });
    expect(words.happened).toBe('마감일이 당겨졌어요');
    expect(words.below).toEqual(['내 고객 2명']);
    expect(plain(words.move?.from)).toContain('3. 27.(금)');
    expect(plain(words.move?.to)).toContain('3. 20.(금)');
  });

  it('shows the words of the announcement where there is no day', () => {
    const words = say({ kind: 'deadline_moved', details: { periodText: '예산 소진시까지' } });
    expect(words.move).toEqual({ from: undefined, to: '예산 소진시까지' });
    expect(words.happened).toBe('접수 기간이 바뀌었어요');
  });

  it('says nothing of a customer who went to someone else', () => {
    const words = say({ kind: 'taken_away', details: { projectName: '수출바우처' } });
    expect(words).toMatchObject({ subject: '수출바우처', to: undefined });
  });

  it('does not guess what was assigned once it went to someone else', () => {
    expect(say({ details: { projectName: '수출바우처' } }).happened).toBe('나에게 배정됐어요');
  });

  it('says what a customer changed of a consultation', () => {
    const kind = 'consultation_edited';
    expect(say({ kind, details: { memoChanged: true } }).happened).toBe('남긴 말을 바꿨어요');
    const both = say({ kind, details: { desiredDate: '2026-03-06', memoChanged: true } });
    expect(both.happened).toBe('희망일과 남긴 말을 바꿨어요');
    const moved = say({
      kind: 'consultation_progressed',
      details: { lastFour: '1', to: 'cancelled' },
    });
    expect(plain(moved.happened)).toBe('상담이 취소로 바뀌었어요');
  });
});
