import { defineTexts } from '@/texts/texts';

export const salesmanTexts = defineTexts(
  {
    today: '오늘',
    consultations: '상담',
    customers: '고객',
    card: '방문 카드',
    numbers: '내 실적',
    notifications: '알림',
    me: '내 계정',
    noName: '고객',
    justAssigned: '방금 나에게 배정됐어요',
  },
  {
    today: 'Today',
    consultations: 'Consultations',
    customers: 'Customers',
    card: 'Visit card',
    numbers: 'My numbers',
    notifications: 'Notifications',
    me: 'My account',
    noName: 'Customer',
    justAssigned: 'Just assigned to you',
  },
);
