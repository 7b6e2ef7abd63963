import { describe, expect, it } from 'vitest';
import {
  changedFields,
  pathOf,
  peopleOf,
  sentenceOfNotification,
  type Notification,
} from './sentence';
import { notificationTexts } from './texts';

const t = notificationTexts.ko;

function notification(part: object): Notification {
  const base = {
    id: 'n',
    kind: 'edited',
    projectId: 'p',
    projectName: '수출바우처',
    changed: [],
    deadlineMoved: false,
    createdAt: '2026-12-01T00:00:00Z',
  };
  return { ...base, ...part } as Notification;
}

const moved = (previousDeadline: string | null, deadline: string | null): string =>
  sentenceOfNotification(
    notification({ deadlineMoved: true, previousDeadline, deadline, changed: ['period'] }),
    t,
  );

describe('a notification in words', () => {
  it('says which way the deadline moved', () => {
    expect(moved('2026-03-27', '2026-03-20')).toBe('수출바우처의 마감일이 당겨졌어요');
    expect(moved('2026-03-20', '2026-03-27')).toBe('수출바우처의 마감일이 늦춰졌어요');
    expect(moved(null, '2026-03-27')).toBe('수출바우처의 마감일이 정해졌어요');
    expect(moved('2026-03-20', null)).toBe('수출바우처의 마감일이 없어졌어요');
  });

  it('names the fields that changed, and nothing that it does not know', () => {
    const edited = notification({ changed: ['scale', 'target', 'unheard'] });
    expect(changedFields(edited, t)).toBe('바뀐 것: 지원 규모, 지원 대상');
    expect(changedFields(notification({ changed: ['unheard'] }), t)).toBeUndefined();
  });

  it('has words for a programme that is not known yet', () => {
    const unknown = notification({ kind: 'started', projectName: null });
    expect(sentenceOfNotification(unknown, t)).toBe('담은 사업 접수가 시작됐어요');
  });

  it('says to which step a consultation came', () => {
    const approved = notification({ kind: 'progressed', step: 'approved' });
    expect(sentenceOfNotification(approved, t)).toBe('수출바우처 상담이 승인됐어요');
  });

  it('says who serves the customer from then on', () => {
    const person = { id: 's', displayName: '김하늘' };
    expect(peopleOf(notification({ kind: 'rematched', salesman: person }))).toBe('김하늘');
    expect(peopleOf(notification({ kind: 'started', salesman: person }))).toBeUndefined();
  });

  it('leads to the programme, or to the consultation it is about', () => {
    expect(pathOf(notification({}))).toBe('/customer/projects/p');
    const origin = { kind: 'consultation', id: 'c' };
    expect(pathOf(notification({ origin }))).toBe('/customer/consultations');
  });
});
