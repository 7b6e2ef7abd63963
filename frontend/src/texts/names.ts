import type { Phase, Role, Status, Step } from '@/api/types';
import { defineTexts } from './texts';

export const PHASES = [
  'upcoming',
  'open',
  'closing',
  'always',
  'until_budget',
  'closed',
  'ended',
] as const satisfies readonly Phase[];

export const STEPS = [
  'apply',
  'approved',
  'succeeded',
  'failed',
  'cancelled',
] as const satisfies readonly Step[];

/** Names of the domain in the words of the pages. */
export const names = defineTexts(
  {
    phase: {
      upcoming: '예정',
      open: '접수중',
      closing: '마감 임박',
      always: '상시',
      until_budget: '예산소진시',
      closed: '마감',
      ended: '종료',
    } satisfies Record<Phase, string>,
    step: {
      apply: '신청',
      approved: '승인',
      succeeded: '성공',
      failed: '실패',
      cancelled: '취소',
    } satisfies Record<Step, string>,
    assigning: '배정 중',
    status: {
      planned: '예정',
      ongoing: '진행',
      ended: '종료',
    } satisfies Record<Status, string>,
    role: {
      customer: '고객',
      staff: '관리자',
      salesman: '영업대표',
      consultant: '컨설턴트',
    } satisfies Record<Role, string>,
    weekdays: ['일', '월', '화', '수', '목', '금', '토'],
    weekdaysLong: ['일요일', '월요일', '화요일', '수요일', '목요일', '금요일', '토요일'],
  },
  {
    phase: {
      upcoming: 'Upcoming',
      open: 'Open',
      closing: 'Closing soon',
      always: 'Always open',
      until_budget: 'Until funds end',
      closed: 'Closed',
      ended: 'Ended',
    },
    step: {
      apply: 'Applied',
      approved: 'Approved',
      succeeded: 'Succeeded',
      failed: 'Failed',
      cancelled: 'Cancelled',
    },
    assigning: 'Assigning',
    status: { planned: 'Planned', ongoing: 'Ongoing', ended: 'Ended' },
    role: {
      customer: 'Customer',
      staff: 'Staff',
      salesman: 'Sales representative',
      consultant: 'Consultant',
    },
    weekdays: ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'],
    weekdaysLong: ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'],
  },
);
